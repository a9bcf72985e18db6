// Browsers that are signed in: they come and go, so they stand apart, one quiet line each.
import type { ReactNode } from "react";
import type { DeviceView } from "../../../src/protocol/views.ts";
import { Age } from "../parts/Age.tsx";
import { StateMark } from "../parts/StateMark.tsx";
import { usePageState } from "../state/use-page.ts";
import { shownDevice } from "./shown-state.ts";

export function Browsers({ browsers }: { browsers: DeviceView[] }): ReactNode {
  const own = usePageState((state) => state.browser?.id);
  if (browsers.length === 0) return null;
  return (
    <section className="browsers">
      <h2>Browsers</h2>
      <ul>
        {browsers.map((browser) => (
          <li key={browser.id} id={browser.id} className="entry">
            <div className="line">
              {browser.status === "online" ? (
                <StateMark state={shownDevice(browser)} />
              ) : (
                <StateMark state={{ mark: "unknown", word: "away", reason: null }} />
              )}
              <span className="cell-name">
                <span className="line-text">{browser.name}</span>
                {browser.id === own ? <span className="tag">this one</span> : null}
              </span>
              <span className="cell-kind faint">browser</span>
              <span className="cell-address faint">{browser.platform}</span>
              <span className="cell-proof faint numbers">
                {browser.status === "online" ? null : (
                  <>
                    seen <Age at={browser.last_seen} />
                  </>
                )}
              </span>
              <span className="cell-more faint">{browser.controller ? "may command" : "may look"}</span>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
