// The page as a program: what it does from its first line to a live fleet, and what a person can make it do.
// Components read the store and call these actions; none of them talks to the hub by itself.
import {
  runCommand,
  type CommandKind,
  type CommandRequest,
  type CommandResponse,
} from "../../../src/client/command.ts";
import { nobleCrypto } from "../../../src/identity/crypto-noble.ts";
import { browserDeviceName } from "../../../src/identity/browser-log.ts";
import { formatBrowserCode } from "../../../src/protocol/browser-code.ts";
import { toBase64Url } from "../../../src/protocol/bytes.ts";
import type {
  DeviceLookupResponse,
  DeviceSetupRequest,
  DeviceSetupResponse,
} from "../../../src/protocol/joining-api.ts";
import { MusterError, publicError } from "../../../src/protocol/errors.ts";
import { openClaims, type Claims } from "../claim/claim-session.ts";
import { browserName, systemName } from "../platform/browser-name.ts";
import { browserWorld } from "../platform/browser-world.ts";
import { forgetBrowser } from "../platform/forget-browser.ts";
import {
  forgetOwner,
  makeIdentity,
  rememberedOwner,
  rememberOwner,
  storedIdentity,
  type BrowserIdentity,
} from "../platform/key-chain.ts";
import { oneTab } from "../platform/one-tab.ts";
import type { PeersSessionActions } from "../peers/peers-session.ts";
import { firstState, type PageState } from "../state/page-state.ts";
import { createStore, type Store } from "../state/store.ts";
import {
  getSession,
  setPassword,
  signInWithPassword,
  signOut,
  spendLoginLink,
  type PasswordChange,
} from "./account-calls.ts";
import { decideDevice, lookUpDevice, prepareDevice, type Decided, type Decision } from "./device-calls.ts";
import { listenToBrowser } from "./browser-events.ts";
import { openFleetLink, type FleetLink } from "./fleet-link.ts";
import { pageCommands, type PageCommands } from "./page-commands.ts";
import { pagePeers } from "./page-peers.ts";
import { machineAt, pathOf, pathOfMachine, placeAt, type Place } from "./place.ts";
import { takeLoginLink, type LoginLink } from "./login-link.ts";
import { addPasskey, signInWithPasskey } from "./passkeys.ts";
import { takeShareLink } from "./share-link.ts";
import { keepWayBack, takeWayBack } from "./way-back.ts";

export interface Page {
  store: Store<PageState>;
  /** The name this browser offers for itself. */
  suggestedName: string;
  /** By which a controller lets this browser command; empty while it has no key. */
  browserCode(): string;
  spendLink(link: LoginLink, name: string): Promise<void>;
  signInWithPassword(name: string, password: string): Promise<void>;
  signInWithPasskey(): Promise<void>;
  signOut(): Promise<void>;
  setPassword(change: PasswordChange): Promise<void>;
  addPasskey(): Promise<void>;
  devices: {
    /** Who waits under a code. */
    lookUp(userCode: string): Promise<DeviceLookupResponse>;
    decide(decision: Decision): Promise<Decided>;
    prepare(wish: DeviceSetupRequest): Promise<DeviceSetupResponse>;
  };
  /** Pairing and messages. */
  peers: PeersSessionActions;
  /** Devices that others share. */
  claims: Claims;
  /** What any device is told to do, and what the fleet is asked. */
  commands: PageCommands;
  /** To another place of the page. */
  go(place: Exclude<Place, "machine">): void;
  /** To the place of one device. */
  goToMachine(name: string, task?: string): void;
  /** Signs in without leaving the place. */
  askSignIn(): void;
  takeOver(): void;
  /** Goes on without the login link that was opened. */
  leaveLink(): void;
  /** Dials now, or checks that the hub still answers. */
  wake(): void;
  /** Orders the machine that runs the hub. */
  order<Kind extends CommandKind>(kind: Kind, request: CommandRequest<Kind>): Promise<CommandResponse<Kind>>;
}

/** A hub that keeps refusing is not asked more often. */
const BEGIN_AGAIN_MS = 1_000;

export function openPage(): Page {
  const { clock, random } = browserWorld;
  const crypto = nobleCrypto(random.bytes);
  const { pathname } = location;
  const store = createStore(
    firstState(clock.now(), { place: placeAt(pathname), machine: machineAt(pathname) }),
  );
  const suggestedName = browserName(navigator.userAgent);
  const platform = systemName(navigator.userAgent) ?? "browser";
  const tab = "locks" in navigator ? oneTab(navigator.locks) : undefined;
  let identity: BrowserIdentity | undefined;
  let link: FleetLink | undefined;
  /** Counts sessions, so that one that was given up while it was begun is not begun. */
  let session = 0;

  const become = async (name: string): Promise<BrowserIdentity> => (identity = await makeIdentity(name));

  const peers = pagePeers({
    world: browserWorld,
    crypto,
    suggestedName,
    platform,
    origin: location.origin,
    identity: () => identity,
    become,
    isVisible: () => document.visibilityState === "visible" && store.get().place === "peers",
    say: (said) => store.set({ said }),
  });

  const close = (): void => {
    session += 1;
    peers.leave();
    link?.close();
    link = undefined;
  };

  const claims = openClaims({
    store,
    crypto,
    timers: browserWorld.timers,
    nowMs: () => clock.now() + store.get().clockOffsetMs,
    origin: location.origin,
    identity: () => identity,
    become: async () => (identity = (await storedIdentity()) ?? (await makeIdentity(suggestedName))),
    async becomeAnother() {
      close();
      await forgetBrowser();
      return become(suggestedName);
    },
    link: () => link,
    async enterSignedIn() {
      await forgetOwner();
      await enterSignedIn();
    },
    addPasskey: () => enterableByPasskey(),
    leave(anew) {
      if (anew) return location.assign(pathOf("fleet"));
      go("fleet");
      if (store.get().user === null) showSignIn();
    },
  });

  /** Asks who is signed in; `undefined` when the hub can't be asked. */
  const readSession = async (): Promise<void> => {
    const { value, dateMs } = await getSession();
    const offsetMs = dateMs === null ? 0 : dateMs - clock.now();
    // The header counts whole seconds, so a small difference says nothing.
    store.set({
      user: value.user,
      passkeysAllowed: value.passkeys_allowed,
      servedByAgent: value.served_by_agent === true,
      guestsAllowed: value.guests_allowed ?? false,
      clockOffsetMs: Math.abs(offsetMs) < 3000 ? 0 : offsetMs,
    });
  };

  const showSignIn = (): void => {
    close();
    store.set({ screen: { at: "sign_in" }, user: null, fleet: null, grants: null, heardAt: null });
  };

  const openSession = async (): Promise<void> => {
    const own = identity;
    if (own === undefined || link !== undefined) return;
    const mine = ++session;
    // A device's own page is not a device of its own: it has its machine's agent to pair with.
    const kept = store.get().servedByAgent
      ? undefined
      : await peers.readStore().catch((error: unknown) => publicError(error));
    const remembered = await rememberedOwner();
    if (mine !== session) return;
    link = openFleetLink({
      store,
      world: browserWorld,
      crypto,
      identity: own,
      remembered,
      remember(head) {
        // The next one tries again; until then this visit remembers by itself.
        rememberOwner(head).catch(() => {});
      },
      platform,
      origin: location.origin,
      isVisible: () => document.visibilityState === "visible",
      refused: (ended) => {
        // The hub may just be away; only its own word that nobody is signed in ends the picture.
        readSession().then(
          () => {
            if (store.get().user === null) showSignIn();
            else if (ended && mine === session) beginAgain();
          },
          () => {},
        );
      },
      superseded: () => {
        close();
        store.set({ screen: { at: "elsewhere" } });
      },
      openPeer:
        kept === undefined || kept instanceof MusterError ? undefined : (way) => peers.openPerson(kept, way),
      opened: peers.opened,
      onState: (state) => (kept instanceof MusterError ? undefined : peers.state(state)),
    });
    if (kept instanceof MusterError) peers.refused(kept);
    else if (kept !== undefined && link.peer !== undefined) peers.enterPerson(link.peer, kept);
  };

  /** Where all sessions of the account were ended, as by a new password, this browser is signed in all the same. */
  const beginAgain = (): void => {
    browserWorld.timers.after(BEGIN_AGAIN_MS, () => {
      if (store.get().screen.at !== "open") return;
      close();
      run(openSession);
    });
  };

  const tabEvents = {
    held: () => {
      const isGuest = store.get().user === null;
      store.set({ screen: { at: isGuest ? "guest" : "open" } });
      if (isGuest) peers.enterGuest();
      else run(openSession);
    },
    taken: () => {
      close();
      store.set({ screen: { at: "elsewhere" } });
    },
  };

  const hold = (): void => (tab === undefined ? tabEvents.held() : tab.hold(tabEvents));

  const enterAsGuest = async (): Promise<void> => {
    if (!store.get().guestsAllowed) return showSignIn();
    identity = await storedIdentity();
    hold();
  };

  const enter = async (): Promise<void> => {
    // Who takes a device is not led away from the words that are shown once.
    const back = store.get().claim.at === "none" ? takeWayBack(sessionStorage) : undefined;
    if (back !== undefined) return location.assign(back);
    close();
    identity = (await storedIdentity()) ?? (await makeIdentity(suggestedName));
    hold();
  };

  const enterSignedIn = async (): Promise<void> => {
    await readSession();
    if (store.get().user === null)
      throw new MusterError("unauthorized", "the hub did not keep the session", {
        hint: "this browser may refuse cookies of this address",
      });
    // What it is to whoever is signed in now may be something else.
    if (store.get().claim.at === "offered") claims.look();
    await enter();
  };

  const start = async (): Promise<void> => {
    // First of all: what stands after `#` is a secret, here too where it is good for nothing.
    keepWayBack(location, history, sessionStorage);
    const loginLink = takeLoginLink(location, history);
    const shareLink = store.get().place === "claim" ? takeShareLink(location, history) : undefined;
    if (store.get().place === "peers") peers.openLink();
    if (!window.isSecureContext) return store.set({ screen: { at: "insecure" } });
    await readSession();
    if (shareLink !== undefined) claims.opened(shareLink);
    if (loginLink === "malformed") {
      const problem = new MusterError("token_invalid", "the sign-in link is not complete", {
        hint: "copy all of it, or print another: `muster hub login-link`",
      });
      return store.set({ screen: { at: "broken", problem } });
    }
    // Who is signed in may need one as well: it makes this browser a controller once more.
    if (loginLink !== undefined) return store.set({ screen: { at: "login_link", link: loginLink } });
    if (store.get().user !== null) return enter();
    if (store.get().place === "peers") return enterAsGuest();
    if (store.get().claim.at !== "none") return store.set({ screen: { at: "claim" } });
    showSignIn();
  };

  const boot = (): void => {
    store.set({ screen: { at: "starting" } });
    run(start);
  };

  const run = (work: () => Promise<void>): void => {
    work().catch((error: unknown) => store.set({ screen: { at: "broken", problem: publicError(error) } }));
  };

  const wake = (): void => {
    if (store.get().screen.at === "broken") return boot();
    link?.connection.wake();
    peers.wake();
  };

  const arrive = (): void => {
    const place = placeAt(location.pathname);
    store.set({ place, machine: machineAt(location.pathname) });
    const { screen, user, claim } = store.get();
    if (user !== null || !["guest", "sign_in", "claim"].includes(screen.at)) return;
    if (place === "peers") run(enterAsGuest);
    else if (place === "claim" && claim.at !== "none") store.set({ screen: { at: "claim" } });
    else showSignIn();
  };

  /** Another place begins at its top; the way back is where it was left, which the browser sees to. */
  const leaveFor = (path: string): void => {
    history.pushState(null, "", path);
    scrollTo(0, 0);
  };

  const go = (place: Exclude<Place, "machine">): void => {
    if (placeAt(location.pathname) !== place) leaveFor(pathOf(place));
    arrive();
  };

  const enterableByPasskey = async (): Promise<void> => {
    await addPasskey(identity?.name ?? suggestedName, link?.token() ?? null);
    await readSession();
  };

  listenToBrowser({
    fragment(fragment) {
      if (fragment.startsWith("#login")) {
        close();
        boot();
      } else if (store.get().place === "peers") peers.openLink();
      else if (store.get().place === "claim" && fragment.length > 1) boot();
    },
    moved() {
      arrive();
      peers.moved();
    },
    online: wake,
    seen() {
      peers.actions.seen();
      if (["open", "guest"].includes(store.get().screen.at)) wake();
    },
  });

  boot();

  return {
    store,
    suggestedName,
    browserCode() {
      if (identity === undefined) return "";
      const { signer, link: linkKey, name } = identity;
      const own = { publicKey: signer.publicKey, linkKey: linkKey.publicKey };
      return formatBrowserCode({ ...own, name: browserDeviceName(name) });
    },
    async spendLink(loginLink, name) {
      const own = await become(name);
      await spendLoginLink({
        id: loginLink.id,
        secret: loginLink.secret.reveal(),
        public_key: toBase64Url(own.signer.publicKey),
        link_key: toBase64Url(own.link.publicKey),
        name,
      });
      await forgetOwner();
      await enterSignedIn();
    },
    async signInWithPassword(name, password) {
      await signInWithPassword(name, password);
      await enterSignedIn();
    },
    async signInWithPasskey() {
      await signInWithPasskey();
      await enterSignedIn();
    },
    async signOut() {
      await signOut();
      showSignIn();
    },
    async setPassword(change) {
      await setPassword(change, link?.token() ?? null);
      await readSession();
    },
    addPasskey: enterableByPasskey,
    devices: {
      lookUp: (userCode) => lookUpDevice(userCode, link?.token() ?? null),
      decide: (decision) => decideDevice(decision, link?.token() ?? null),
      prepare: (wish) => prepareDevice(wish, link?.token() ?? null),
    },
    peers: peers.actions,
    claims,
    commands: pageCommands({ world: browserWorld, crypto, identity: () => identity, link: () => link }),
    go,
    goToMachine(name, task) {
      const path = pathOfMachine(name, task);
      if (location.pathname !== path) leaveFor(path);
      arrive();
    },
    askSignIn: showSignIn,
    leaveLink() {
      const { user, place } = store.get();
      if (user !== null) run(enter);
      else if (place === "peers") run(enterAsGuest);
      else if (store.get().claim.at !== "none") store.set({ screen: { at: "claim" } });
      else showSignIn();
    },
    takeOver: () => tab?.takeOver(tabEvents),
    wake,
    async order(kind, request) {
      const { hubDevice, ownerRoot } = store.get().authority;
      if (link === undefined || identity === undefined || hubDevice === null || ownerRoot === null) {
        throw new MusterError(
          "unavailable",
          "the page is not connected to a machine that takes its commands",
        );
      }
      const target = { deviceId: hubDevice.id, deviceKey: hubDevice.key, ownerRoot };
      return runCommand(link.connection, { kind, request, ...target }, { crypto, signer: identity.signer });
    },
  };
}
