// Lets this browser command for thirty days.
import type { ReactNode } from "react";
import { usePage } from "../state/use-page.ts";
import { WordsForm } from "./WordsForm.tsx";

export function RenewForm({ onDone }: { onDone?(): void }): ReactNode {
  const page = usePage();
  const renew = async (words: string): Promise<void> => {
    await page.claims.renew(words);
    onDone?.();
  };
  return <WordsForm does="Let this browser command" failed="This browser commands nothing yet" run={renew} />;
}
