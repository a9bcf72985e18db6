// A QR code as one path. Dark on light in every theme, with the quiet zone of four modules that scanners need.
import type { ReactNode } from "react";
import { encode } from "uqr";

export interface QrCodeProps {
  text: string;
  /** For who can't see it; the text itself, unless that is a secret. */
  label?: string;
}

export function QrCode({ text, label = `QR code of ${text}` }: QrCodeProps): ReactNode {
  const { data, size } = encode(text, { ecc: "M", border: 4 });
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
  return (
    <svg
      className="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      shapeRendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
