// Where the page starts: theme first, so that nothing flashes, then the one page object, then React.
import "./zod-without-eval.ts";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.tsx";
import { rememberedTheme, showTheme } from "./platform/theme.ts";
import { openPage } from "./session/page.ts";
import { PageContext } from "./state/use-page.ts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/fleet.css";
import "./styles/peers.css";
import "./styles/claim.css";
import "./styles/machine.css";
import "./styles/grants.css";
import "./styles/terminal.css";

showTheme(rememberedTheme(localStorage), document.documentElement, localStorage);

const root = document.getElementById("page");
if (root === null) throw new Error("index.html has no place for the page");

createRoot(root).render(
  <StrictMode>
    <PageContext value={openPage()}>
      <App />
    </PageContext>
  </StrictMode>,
);
