// Keeps the text files of a folder the same on several devices, through a Muster hub that can read none of them.
//
//   sync.mjs FOLDER HUB pair     prints a code for another device, then goes on
//   sync.mjs FOLDER HUB CODE     takes the code of another device, then goes on
//   sync.mjs FOLDER HUB          goes on with the devices it is paired with
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { connect, keysOfSecrets, makeSecretKeys, memoryPeerStore } from "../../dist/client/index.js";
import { isNoteName, Notes, readNote } from "./notes.mjs";
import { openState } from "./state.mjs";

const LOOK_EVERY_MS = 300;
const NOTE_MAX_BYTES = 500_000;

const [folderGiven, hubUrl, wish] = process.argv.slice(2);
if (folderGiven === undefined || hubUrl === undefined) {
  console.error("usage: sync.mjs FOLDER HUB [pair | CODE]");
  process.exit(2);
}
if (globalThis.WebSocket === undefined) {
  console.error("this Node has no WebSocket: start it with --experimental-websocket, or take Node 22");
  process.exit(2);
}
const folder = resolve(folderGiven);
const state = openState(join(folder, ".sync"));

// Who this device is, and which hub it believed at the first sight.
const device = state.device.load() ?? makeSecretKeys();
state.device.save(device);
const peer = await connect({
  hubUrl,
  webSocket: globalThis.WebSocket,
  keys: await keysOfSecrets(device),
  store: await memoryPeerStore(state.rows),
  nickname: `notes on ${hostname()}`.slice(0, 64),
  ...(device.hubKey === undefined ? {} : { hubKey: device.hubKey }),
});
const notes = new Notes(peer.key, state.notes.load());

peer.onState((now) => {
  if (now.at === "waiting") console.log(`no hub: ${now.problem.message}; trying again`);
});

// A message is a note. It is read once, in order, and again only if this program ended in the middle of it.
peer.onMessage(async (message) => {
  const note = message.type === "text" ? readNote(message.text) : undefined;
  if (note === undefined || !notes.merge(note)) return;
  if (note.text === null) rmSync(join(folder, note.name), { force: true });
  else writeFileSync(join(folder, note.name), note.text);
  await tell(note, message.from);
  // Last: if this program ends before, the message is handed to it again.
  state.notes.save(notes.all());
  console.log(note.text === null ? `gone: ${note.name}` : `came: ${note.name}`);
});

/** To every device but the one it came from. What is sent is kept until they have it, over restarts too. */
async function tell(note, butNot) {
  for (const other of await peer.peers()) {
    if (other.key !== butNot) await peer.send(other.key, { text: JSON.stringify(note) });
  }
}

/** What has changed in the folder since the last look. */
async function look() {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && isNoteName(entry.name))
    .map(({ name }) => name);
  for (const name of new Set([...names, ...notes.all().map((note) => note.name)])) {
    const text = names.includes(name) ? readFileSync(join(folder, name), "utf8") : null;
    if (text !== null && text.length > NOTE_MAX_BYTES) continue;
    const note = notes.edit(name, text);
    if (note === undefined) continue;
    await tell(note);
    // Last: if this program ends before, the next one finds the same change and sends it under the same version.
    state.notes.save(notes.all());
    console.log(text === null ? `deleted: ${name}` : `changed: ${name}`);
  }
}

async function go() {
  await peer.ready();
  state.device.save({ ...device, hubKey: peer.hubKey });
  if (wish !== undefined) await pair();
  console.log("in step");
  for (;;) {
    await look();
    await new Promise((again) => setTimeout(again, LOOK_EVERY_MS));
  }
}

async function pair() {
  let paired;
  if (wish === "pair") {
    const made = await peer.pair();
    console.log(`code: ${made.code}`);
    paired = await made.done;
  } else {
    paired = await peer.join(wish);
  }
  console.log(`paired with ${paired.nickname}; both show: ${paired.safetyWords}`);
  // From here on changes are sent; what is here already is sent once.
  for (const note of notes.all()) await peer.send(paired.key, { text: JSON.stringify(note) });
}

go().catch((error) => {
  console.error(`error: ${error.message}`);
  if (error.hint !== undefined) console.error(`hint: ${error.hint}`);
  process.exit(1);
});
