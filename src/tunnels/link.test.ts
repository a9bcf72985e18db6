import { createHubLink } from "./hub-link.ts";
import { linkSuite } from "./link-suite.fixture.ts";
import { testHub } from "./testing.ts";

linkSuite("hub", () => {
  const names = new Map<string, string>();
  const link = createHubLink({
    urlOf: (holder) => {
      const hostname = names.get(holder);
      return hostname === undefined ? undefined : `https://${hostname}`;
    },
    now: () => 0,
  });
  return Promise.resolve({
    link,
    name: (holder, hostname) => void names.set(holder, hostname),
    free: (holder) => void names.delete(holder),
    outside: () => 0,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

linkSuite("named", async () => {
  const hub = await testHub();
  return {
    link: hub.link,
    name() {},
    free() {},
    outside: () => hub.fake.state.standing().length + hub.fake.state.records.size,
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
});
