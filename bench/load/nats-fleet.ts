// Many clients of a nats-server in one process, each of which answers every question:
// `bun bench/load/nats-fleet.ts PORT COUNT ANSWER`. Says `{}` once all listen.
import { natsClient, natsPublish } from "../brokers/nats.ts";

const [portText, countText, answer = ""] = process.argv.slice(2);
const said = natsPublish("answer", answer);
const question = { subject: "ask", body: "?" };
for (let started = 0; started < Number(countText); started += 1) {
  const client = await natsClient(Number(portText), question, (count) => {
    for (let asked = 0; asked < count; asked += 1) client.write(said);
  });
}
console.log("{}");
