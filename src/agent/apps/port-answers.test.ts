import { expect, test } from "bun:test";
import { createServer, type AddressInfo } from "node:net";
import { realNetwork } from "../../world/network.ts";
import { portAnswers } from "./port-answers.ts";

test("an app that is looked at sees a connection end, not break", async () => {
  const seen = Promise.withResolvers<string>();
  const server = createServer((socket) => {
    socket.on("end", () => seen.resolve("ended"));
    socket.on("error", (error) => seen.resolve(error.message));
    socket.resume();
  });
  const port = await new Promise<number>((resolve) => {
    // An address with a port, as it listens on TCP.
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
  expect(await portAnswers(realNetwork, port)).toBe(true);
  expect(await seen.promise).toBe("ended");
  await new Promise((resolve) => server.close(resolve));
  expect(await portAnswers(realNetwork, port)).toBe(false);
});
