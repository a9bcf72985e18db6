// What was found, each on a line or two, and who did not answer.
import type { ReactNode } from "react";
import { isByMeaningAlone, type QueryItem } from "../../../src/protocol/query-merge.ts";
import { MachineLink } from "../machine/MachineLink.tsx";
import { Age } from "../parts/Age.tsx";
import { Command } from "../parts/Command.tsx";
import { Problem } from "../parts/Problem.tsx";
import { FOUND_MAX, textIn, type Found } from "./search.ts";

export interface FoundProps {
  words: string;
  found: Found | undefined;
}

export function FoundTexts({ words, found }: FoundProps): ReactNode {
  return (
    <Group title="Texts" words={words} found={found} nowhere={<NoTexts />}>
      {(item) => (
        <>
          <p className="found-title">
            <strong>{textIn(item, "title") || textIn(item, "path") || "Without a title"}</strong>
          </p>
          <p className="found-text">{textIn(item, "snippet")}</p>
          <Where item={item}>
            <span className="mono">{textIn(item, "path")}</span>
            {isByMeaningAlone(item) ? <span>by meaning</span> : null}
          </Where>
        </>
      )}
    </Group>
  );
}

export function FoundTasks({ words, found }: FoundProps): ReactNode {
  return (
    <Group title="Tasks" words={words} found={found} nowhere="No device that is there keeps tasks.">
      {(item) => (
        <>
          <p className="found-title mono">
            <MachineLink name={item.device} task={textIn(item, "id")}>
              {textIn(item, "title")}
            </MachineLink>
          </p>
          <Where item={item}>
            <span>{textIn(item, "status")}</span>
          </Where>
        </>
      )}
    </Group>
  );
}

interface GroupProps extends FoundProps {
  title: string;
  /** Where no device answers such a question at all. */
  nowhere: ReactNode;
  children(item: QueryItem): ReactNode;
}

function Group({ title, words, found, nowhere, children }: GroupProps): ReactNode {
  if (found === undefined) return null;
  const { at, items, expected, missing, notes, problem } = found;
  const isNowhere = at === "done" && expected === 0 && missing.length === 0;
  return (
    <section className="machine-part" aria-label={title} aria-busy={at === "asking"}>
      <h2>
        {title} <span className="found-count faint numbers">{countWord(found)}</span>
      </h2>
      {items.length === 0 ? null : (
        <ul className="found">
          {items.map((item) => (
            <li key={`${item.device} ${textIn(item, "id")} ${textIn(item, "path")}`}>{children(item)}</li>
          ))}
        </ul>
      )}
      {isNowhere ? <p className="faint">{nowhere}</p> : null}
      {at === "done" && items.length === 0 && !isNowhere ? (
        <p className="faint">Nothing that answered has “{words}”.</p>
      ) : null}
      {problem === null ? null : <Problem what="The search ended early" problem={problem} />}
      {notes.length === 0 ? null : <p className="faint">{notes.join("; ")}.</p>}
      {missing.length === 0 ? null : <p className="faint">Not searched: {missing.join("; ")}.</p>}
    </section>
  );
}

function countWord({ at, items }: Found): string {
  if (at === "asking") return items.length === 0 ? "asking…" : `${items.length}, asking…`;
  if (items.length === 0) return "";
  return items.length === FOUND_MAX ? `the best ${FOUND_MAX}` : String(items.length);
}

function Where({ item, children }: { item: QueryItem; children: ReactNode }): ReactNode {
  const at = textIn(item, "updated_at");
  return (
    <p className="found-where faint">
      <MachineLink name={item.device}>{item.device}</MachineLink>
      {children}
      {Number.isNaN(Date.parse(at)) ? null : (
        <span className="numbers">
          changed <Age at={at} />
        </span>
      )}
    </p>
  );
}

function NoTexts(): ReactNode {
  return (
    <>
      No device that is there has texts to search. Name folders in the muster.toml of one, below
      [knowledgebase]: <Command>folders = ["~/notes"]</Command>
    </>
  );
}
