// How the page is built: one script, one style sheet, and a terminal's of its own that come when one is opened; nothing
// fetched from elsewhere, nothing inline, so that the hub's content policy can forbid all of that.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  // `light-dark()` and OKLCH go out as written: a polyfill would double every colour.
  build: {
    target: ["chrome123", "firefox128", "safari17.5"],
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
});
