// Why no device serves a capability request, in words that lead on: who has it but is away, what there is instead, or
// how such a thing is asked. Only of devices that the asker may use; a list in it is cut.
import type { CapabilityOffer } from "../../protocol/capabilities.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { DeviceRow } from "../../store/devices.ts";
import type { Asked } from "./asked.ts";
import { shown } from "./shown.ts";

/** One offer of one device. */
export interface Offering {
  row: DeviceRow;
  offer: CapabilityOffer;
}

/** The one that was named is none of the asker's. */
export function noSuchDevice(reference: string): MusterError {
  return new MusterError("no_device", `there is no device "${reference}" to ask`, {
    hint: "see `muster device ls`",
  });
}

const OF_MODELS: ReadonlySet<string> = new Set(["llm.chat", "embeddings"]);
const NOTHING_ELSE = "nothing else is offered that is asked for in this way";
const LENT = "a device offers it while Ollama runs there, or the server under [llm] in its muster.toml";

/** Nobody offers it, or not so: `all` is whatever else there is, of everyone. */
export function notOffered(
  { capability }: Asked,
  named: DeviceRow | undefined,
  { all, isHere }: { all: readonly Offering[]; isHere(row: DeviceRow): boolean },
): MusterError {
  const { protocol, version } = capability;
  const own = all.find(({ row, offer }) => row === named && offer.protocol === protocol);
  const who = named?.name ?? "no device";
  const what =
    own !== undefined
      ? `${who} offers ${protocol} ${own.offer.version}, and not ${version}`
      : named === undefined
        ? `${who} offers ${protocol} ${version}`
        : `${who} does not offer ${protocol}`;
  const others = all
    .filter(({ offer }) => offer.protocol === protocol)
    .map(({ row, offer }) => {
      return `${row.name} (${offer.version}${isHere(row) ? "" : ", offline"})`;
    });
  const isOfferedBy = others.length > 0 && own === undefined;
  const hint = isOfferedBy ? `it is offered by: ${shown(others)}` : offeredHint(all);
  const lends = !isOfferedBy && own === undefined && OF_MODELS.has(protocol);
  return new MusterError("no_device", what, {
    hint: !lends ? hint : hint === NOTHING_ELSE ? LENT : `${LENT}; ${hint}`,
  });
}

/** It is offered, and takes another way. */
export function askedOtherwise({ capability }: Asked, { offer, row }: Offering): MusterError {
  const { protocol } = capability;
  return offer.class === "read"
    ? new MusterError("forbidden", `${protocol} shows what a device holds: it is asked by a signed query`, {
        hint: "use `muster query`",
      })
    : new MusterError(
        "forbidden",
        `${protocol} can change a device: it takes a controller's signed command`,
        { hint: `name the device: \`muster call ${protocol} --device ${row.name}\`` },
      );
}

export function noModel(
  { capability, model = "" }: Asked,
  named: DeviceRow | undefined,
  able: readonly Offering[],
) {
  const models = [...new Set(able.flatMap(({ offer }) => offer.models ?? []))].toSorted();
  const what =
    named === undefined
      ? `no device offers ${capability.protocol} with the model "${model}"`
      : `${named.name} does not have the model "${model}"`;
  const none = named === undefined ? "none says which models it has" : "it does not say which models it has";
  return new MusterError("no_device", what, {
    hint: models.length === 0 ? none : `there are: ${shown(models)}`,
  });
}

/** `instead`: who is here and could serve, had nobody been named. */
export function allAway(
  { capability }: Asked,
  named: DeviceRow | undefined,
  { rows, instead }: { rows: readonly DeviceRow[]; instead: readonly string[] },
): MusterError {
  if (named !== undefined) {
    return new MusterError(
      "no_device",
      `${named.name} offers ${capability.protocol}, but is ${awaySince(named)}`,
      {
        hint: instead.length === 0 ? "no other device that offers it is here" : `here are: ${shown(instead)}`,
      },
    );
  }
  const away = rows.map((row) => `${row.name} (${awaySince(row)})`);
  return new MusterError("no_device", `every device that offers ${capability.protocol} is offline`, {
    hint: shown(away),
  });
}

function awaySince({ last_seen: at }: DeviceRow): string {
  return at === null ? "offline, and was never seen" : `offline since ${new Date(at).toISOString()}`;
}

/** What can be asked for at all, and of whom. */
function offeredHint(all: readonly Offering[]): string {
  const devices = new Map<string, Set<string>>();
  for (const { row, offer } of all) {
    if (offer.class !== "compute") continue;
    devices.set(offer.protocol, (devices.get(offer.protocol) ?? new Set()).add(row.name));
  }
  if (devices.size === 0) return NOTHING_ELSE;
  const each = [...devices].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `there are: ${shown(each.map(([protocol, names]) => `${protocol} (${shown([...names])})`))}`;
}
