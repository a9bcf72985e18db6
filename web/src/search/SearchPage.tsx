// A search over the whole fleet, signed by this browser's key: devices answer nobody else with what they hold.
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { ConnectionNote } from "../fleet/ConnectionNote.tsx";
import { WhyNotCommand } from "../fleet/NextStep.tsx";
import { useMayCommand } from "../machine/WhyNot.tsx";
import { usePage, usePageState } from "../state/use-page.ts";
import { FoundTasks, FoundTexts } from "./Results.tsx";
import { searchFleet, type Found, type SearchType } from "./search.ts";

const TYPES: readonly SearchType[] = ["SearchKnowledgebase", "SearchTasks"];

interface Search {
  words: string;
  found: Partial<Record<SearchType, Found>>;
}

export function SearchPage(): ReactNode {
  const page = usePage();
  const mayCommand = useMayCommand();
  const isReady = usePageState((state) => state.hubLink.at === "ready");
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState<Search | null>(null);
  const asked = useRef<AbortController | null>(null);

  useEffect(() => () => asked.current?.abort(), []);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const words = typed.trim();
    if (words === "" || !isReady) return;
    asked.current?.abort();
    const mine = new AbortController();
    asked.current = mine;
    setSearch({ words, found: {} });
    const show = (type: SearchType) => (found: Found) =>
      setSearch((before) => ({ words, found: { ...before?.found, [type]: found } }));
    const ask = page.commands.query;
    for (const type of TYPES) {
      // Its problem is a part of what it shows.
      void searchFleet(ask, { type, words }, { left: mine.signal, show: show(type) });
    }
  };

  return (
    <>
      <ConnectionNote says="A search has to wait until it is back." />
      <header className="summary">
        <h1>Search the fleet</h1>
        <p className="faint">Texts that devices index, and the tasks that they keep.</p>
      </header>
      {mayCommand ? (
        <>
          <form className="run-line" role="search" onSubmit={submit}>
            <input
              type="search"
              className="input"
              aria-label="Search texts and tasks"
              placeholder="Words"
              autoComplete="off"
              enterKeyHint="search"
              autoFocus
              maxLength={200}
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
            <button type="submit" className="button primary" disabled={!isReady || typed.trim() === ""}>
              Search
            </button>
          </form>
          {search === null ? null : (
            <div className="results" data-stale={!isReady}>
              <FoundTexts words={search.words} found={search.found.SearchKnowledgebase} />
              <FoundTasks words={search.words} found={search.found.SearchTasks} />
            </div>
          )}
        </>
      ) : (
        <WhyNotCommand />
      )}
    </>
  );
}
