import { expect, test } from "bun:test";
import { forwardCommand, wayToService } from "./service-way.ts";

test("a click on a service goes through the hub's door, from a device's own page straight to its address", () => {
  const url = "http://grafana--pi.localhost:8080/";
  expect(wayToService({ url }, false)).toBe("/access?to=grafana--pi.localhost%3A8080");
  expect(wayToService({ url }, true)).toBe(url);
});

test("what has no address of its own is no link, whatever the hub says of it", () => {
  for (const url of [null, undefined, "", "no address"]) expect(wayToService({ url }, false)).toBeNull();
});

test("the command names the port that programs of that protocol know", () => {
  const service = { name: "postgres", service_type: "tcp", local_port: 5432 } as const;
  expect(forwardCommand(service, "pi")).toBe("muster forward pi/postgres 5432");
  expect(forwardCommand({ ...service, local_port: 22 }, "pi")).toBe("muster forward pi/postgres");
  expect(forwardCommand({ name: "a_b", service_type: "http", local_port: 8092 }, "pi")).toBe(
    "muster forward pi/a_b",
  );
});
