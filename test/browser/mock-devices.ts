// The stand-in's calls about devices that want to come in: one waits under a code, one under a code that ends
// soon, and a place can be prepared. Everything else is refused in the hub's own words.
import { MusterError } from "../../src/protocol/errors.ts";
import {
  deviceDecideRequest,
  deviceLookupRequest,
  deviceSetupRequest,
  type DeviceLookupResponse,
  type DeviceSetupResponse,
} from "../../src/protocol/joining-api.ts";

export const WAITING_CODE = "K7Q2-MX4P";
/** Waits under a name as long as names may be, and asks from an IPv6 address. */
export const LONG_CODE = "LLLL-LLLL";
/** Was there a moment ago: it can be looked up, and no longer be decided on. */
export const GONE_CODE = "GGGG-GGGG";

export interface MockDevices {
  /** Where the hub is told to be, for the line of a prepared place. */
  hubUrl: string;
  /** Whether the page is that of the hub's own home. */
  canConfirm: boolean;
  /** What was decided, in order. */
  decided: { name: string; decision: string; wordsCompared: boolean }[];
}

export function mockDevices(facts: Partial<MockDevices> = {}): MockDevices {
  return { hubUrl: "https://muster.example.com", canConfirm: true, decided: [], ...facts };
}

/** Undefined for a path that is another's. */
export async function deviceCall(mock: MockDevices, request: Request, path: string): Promise<unknown> {
  switch (path) {
    case "/api/device/lookup":
      return lookUp(mock, deviceLookupRequest.parse(await request.json()).user_code);
    case "/api/device/decide": {
      const asked = deviceDecideRequest.parse(await request.json());
      if (plain(asked.user_code) === plain(GONE_CODE)) throw noDevice();
      const { name } = lookUp(mock, asked.user_code);
      const confirmed = asked.decision === "approve" && asked.words_compared === true;
      mock.decided.push({ name, decision: asked.decision, wordsCompared: confirmed });
      return { decision: asked.decision, name, confirmed };
    }
    case "/api/device/setup":
      return prepared(mock, deviceSetupRequest.parse(await request.json()));
    default:
      return undefined;
  }
}

function lookUp({ canConfirm }: MockDevices, typed: string): DeviceLookupResponse {
  const waiting = {
    name: "pi",
    kind: "raspberry_pi",
    platform: "linux-arm64",
    version: "0.1.0",
    source: "192.0.2.17",
    device_id: "k3xfq2a-mm4pz7c-bbq6tu5-w2jhd4n",
    words: ["amber", "bicycle", "candle", "drift", "ember"],
    expires_at: new Date(Date.now() + 8 * 60_000).toISOString(),
    can_confirm: canConfirm,
  } as const;
  switch (plain(typed)) {
    case plain(WAITING_CODE):
    case plain(GONE_CODE):
      return { ...waiting, words: [...waiting.words] };
    case plain(LONG_CODE):
      return {
        ...waiting,
        words: ["alphabet", "businessman", "chandelier", "dictionary", "earthquake"],
        name: "workstation-of-the-back-office",
        source: "2001:db8:85a3:8d3:1319:8a2e:370:7348",
      };
    default:
      throw noDevice();
  }
}

function prepared(
  mock: MockDevices,
  { device_type, name = "linux-device" }: DeviceSetup,
): DeviceSetupResponse {
  if (name !== name.toLowerCase()) {
    throw new MusterError("invalid", `the name "${name}" has characters other than a-z, 0-9 and hyphen`);
  }
  const code = `mrc1_${"Qm7".repeat(14)}A`;
  const windows = device_type === "windows_x86_64";
  return {
    setup_id: "setup-1",
    hostname: "",
    tunnel_id: null,
    registration_code: code,
    expires_at: new Date(Date.now() + 15 * 60_000).toISOString(),
    setup_script: windows
      ? `muster init ${mock.hubUrl} --token ${code}`
      : `curl -fsSL ${mock.hubUrl}/install.sh | sh -s -- ${code}`,
  };
}

type DeviceSetup = ReturnType<typeof deviceSetupRequest.parse>;

function noDevice(): MusterError {
  return new MusterError("not_found", "no device waits under this code", {
    hint: "read it again at the device; it ends after ten minutes or five wrong tries",
  });
}

function plain(code: string): string {
  return code.replaceAll(/[\s-]/g, "").toUpperCase();
}
