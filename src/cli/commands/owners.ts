// `muster device owners`, `promote`, and what becomes of an owner's keys: `hub handover`, recovery, reset.

import { readBrowserCode } from "../../protocol/browser-code.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { LocalResponse } from "../../protocol/local-api.ts";
import { shellArgument } from "../../protocol/shell-word.ts";
import { confirm } from "../confirm.ts";
import { askAboutDevices } from "../device-calls.ts";
import { until } from "../durations.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { askAgentOrHub } from "../overview.ts";
import { plainLine, plainValue } from "../plain-text.ts";
import { readSecretText } from "../secret-input.ts";
import type { OwnerCalls } from "../hub-session.ts";
import { tableLines, type Cell } from "../table.ts";

type Owners = LocalResponse<"owners">;

/** Kinds that are easily lost, stolen or broken into. */
const RISKS: Readonly<Record<string, string>> = {
  vps: "a vps stands at a provider, who can read its disk",
  raspberry_pi: "a raspberry_pi often stands where its card can be taken",
  browser: "a browser's key is used by whatever page the hub serves; it ends after 30 days",
};

export function askOwners<Answer>(
  invocation: Invocation,
  ask: (owners: OwnerCalls) => Promise<Answer>,
): Promise<Answer> {
  return askAgentOrHub(invocation, {
    agent: (agent) =>
      ask({
        owners: (request) => agent.call("owners", request),
        owner_promote: (request) => agent.call("owner_promote", request),
        device_share: (request) => agent.call("device_share", request),
        device_unshare: (request) => agent.call("device_unshare", request),
        hub_handover: (request) => agent.call("hub_handover", request),
        recovery_make: (request) => agent.call("recovery_make", request),
        recovery_use: (request) => agent.call("recovery_use", request),
        owners_reset: (request) => agent.call("owners_reset", request),
      }),
    hub: async (session) => ask(await session.owners()),
  });
}

export async function owners(invocation: Invocation): Promise<void> {
  const shown = await askOwners(invocation, (calls) => calls.owners({}));
  if (invocation.json) return printJson(invocation, shown);
  showOwners(invocation, plainValue(shown));
  if (!shown.recovery) {
    warn(invocation, "no words can take this back if keys are stolen: muster device owners recovery");
  }
}

function showOwners(
  invocation: Invocation,
  { log, items, entries, co_owners: coOwners = [], shared_with_me: sharedWithMe = [] }: Owners,
): void {
  const { out, surroundings } = invocation;
  const now = surroundings.clock.now();
  const heads = ["NAME", "KIND", "ROLE", "UNTIL", "ID"].map((text): Cell => ({ text, style: "dim" }));
  const rows = items.map((one): Cell[] => [
    { text: one.self ? `${one.name} (this device)` : one.name },
    { text: one.kind },
    { text: one.scopes.includes("admin") ? "controller, admin" : one.role },
    { text: one.until === null ? "" : until(one.until, now) },
    { text: one.device_id, short: one.device_id.slice(0, 7) },
  ]);
  for (const line of tableLines(out, [heads, ...rows], { shorten: [4] })) out.line(line);
  for (const { device, name, owner, holds } of coOwners) {
    out.line(
      `${device} is shared with ${out.style("bold", name)}${holds === false ? ", who let it go" : ""}`,
    );
    if (holds === false) {
      const mark = coOwners.filter((one) => one.device === device && one.name === name).length > 1;
      const whom = shellArgument(mark ? owner.slice(0, 8) : name);
      out.line(
        out.style(
          "dim",
          `  they may take it again until you end it: muster device unshare ${device} ${whom}`,
        ),
      );
    }
  }
  for (const { device } of sharedWithMe) out.line(`${out.style("bold", device)} is shared with you`);
  out.line(out.style("dim", `${entries} ${entries === 1 ? "entry" : "entries"} in the owner log`));
  out.line(out.style("dim", `Owner id: ${log}`));
}

export async function promote(
  invocation: Invocation,
  reference: string,
  flags: { admin?: true | undefined; yes?: true | undefined },
): Promise<void> {
  const browser = readBrowserCode(reference);
  if (browser !== undefined) return admitBrowser(invocation, { code: reference, name: browser.name, flags });
  const { device } = plainValue(
    await askAboutDevices(invocation, (devices) => devices.show({ device: reference })),
  );
  const admin = flags.admin === true;
  if (flags.yes !== true) {
    const risk = RISKS[device.kind];
    await confirm(invocation, {
      lost: [
        `${device.name} (${device.kind}, ${device.id}) may then run commands on every device of yours` +
          (admin ? ", and let others do so, and remove them." : "."),
        ...(risk === undefined ? [] : [`Think twice: ${risk}.`]),
      ],
      ask: `Make ${device.name} a controller?`,
    });
  }
  const promoted = await askOwners(invocation, (calls) => calls.owner_promote({ device: device.id, admin }));
  if (invocation.json) return printJson(invocation, promoted);
  const { out } = invocation;
  out.line(
    `${out.style("bold", plainLine(promoted.name))} is a controller${admin ? " with admin" : ""} now.`,
  );
}

/** By the code that its own page shows. */
async function admitBrowser(
  invocation: Invocation,
  given: { code: string; name: string; flags: { admin?: true | undefined; yes?: true | undefined } },
): Promise<void> {
  const { code, name, flags } = given;
  if (flags.admin === true) throw new MusterError("usage", "a browser never has the scope admin");
  if (flags.yes !== true) {
    await confirm(invocation, {
      lost: [
        `${name} (browser) may then run commands on every device of yours, for 30 days.`,
        "Let in only a browser whose page you have before you, signed in as yourself.",
      ],
      ask: `Make ${name} a controller?`,
    });
  }
  const promoted = await askOwners(invocation, (calls) =>
    calls.owner_promote({ device: code, admin: false }),
  );
  if (invocation.json) return printJson(invocation, promoted);
  const { out } = invocation;
  out.line(`${out.style("bold", plainLine(promoted.name))} is a controller for 30 days now.`);
}

export async function handOver(
  invocation: Invocation,
  reference: string,
  flags: { yes?: true | undefined },
): Promise<void> {
  const { device } = plainValue(
    await askAboutDevices(invocation, (devices) => devices.show({ device: reference })),
  );
  if (flags.yes !== true) {
    await confirm(invocation, {
      lost: [
        `${device.name} (${device.kind}, ${device.id}) becomes the controller of your devices.`,
        "This machine, which runs the hub, commands nothing any more: tokens, orders and removals are made there.",
      ],
      ask: `Hand over to ${device.name}?`,
    });
  }
  const handed = await askOwners(invocation, (calls) => calls.hub_handover({ device: device.id }));
  if (invocation.json) return printJson(invocation, handed);
  invocation.out.line(
    `Handed over: ${plainLine(handed.name)} is the controller, and no owner key lives on the hub.`,
  );
}

export async function makeRecovery(invocation: Invocation): Promise<void> {
  const { words } = await askOwners(invocation, (calls) => calls.recovery_make({}));
  if (invocation.json) return printJson(invocation, { words });
  showWords(invocation, words);
}

export async function recover(
  invocation: Invocation,
  flags: { from?: number | undefined; yes?: true | undefined },
): Promise<void> {
  const words = await readSecretText(invocation, { what: "24 words" });
  if (flags.yes !== true && invocation.surroundings.stdin.isTerminal) {
    await confirm(invocation, {
      lost: [
        "This device becomes the only controller of its owner. Every other loses its right, open tokens are void.",
        ...(flags.from === undefined ? [] : [`Entries from number ${flags.from} on count no more.`]),
      ],
      ask: "Take the fleet back?",
    });
  }
  const done = await askOwners(invocation, (calls) =>
    calls.recovery_use({ words, ...(flags.from === undefined ? {} : { number: flags.from }) }),
  );
  if (invocation.json) return printJson(invocation, done);
  invocation.out.line(`This device is the only controller now (entry ${done.number} of the owner log).`);
  showWords(invocation, done.words);
}

export async function reset(invocation: Invocation, flags: { yes?: true | undefined }): Promise<void> {
  const seen = await askOwners(invocation, (calls) => calls.owners_reset({ head: null }));
  if (flags.yes !== true) {
    if (!invocation.json) showOwners(invocation, plainValue(seen));
    await confirm(invocation, {
      lost: [
        "What this device has seen of its owner log is forgotten, and the list above, which the hub has, is believed.",
      ],
      ask: "Is that who owns this device?",
    });
  }
  const done = await askOwners(invocation, (calls) => calls.owners_reset({ head: seen.head }));
  if (invocation.json) return printJson(invocation, done);
  invocation.out.line(
    done.done ? "Done: this device follows that list." : "The list has changed meanwhile. Look again.",
  );
}

function showWords({ out }: Invocation, words: readonly string[]): void {
  out.line("Write these words down. They are shown once, kept nowhere, and whoever has them owns the fleet:");
  out.line("");
  for (let at = 0; at < words.length; at += 6) {
    const line = words
      .slice(at, at + 6)
      .map((word, index) => `${String(at + index + 1).padStart(2)} ${word.padEnd(9)}`);
    out.line(`  ${line.join(" ").trimEnd()}`);
  }
}
