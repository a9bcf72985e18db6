// Which of an asker's devices a word means, as everywhere that a person names one.
import { beginsId, parseDeviceId } from "../../protocol/ids.ts";
import type { DeviceRow } from "../../store/devices.ts";

/** By its name, else by its id, else by the beginning of one id alone. */
export function namedDevice(rows: readonly DeviceRow[], reference: string): DeviceRow | undefined {
  const id = parseDeviceId(reference) ?? reference;
  const exact = rows.find(({ name }) => name === reference) ?? rows.find((row) => row.device_id === id);
  if (exact !== undefined) return exact;
  const [row, other] = rows.filter((one) => beginsId(one.device_id, reference));
  return other === undefined ? row : undefined;
}
