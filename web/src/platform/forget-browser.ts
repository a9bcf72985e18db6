// Takes everything away that this browser keeps for the page: its key, its pairings, what was said.

const DATABASES = ["muster", "muster-peers", "muster-talks"];

export async function forgetBrowser(factory: IDBFactory = indexedDB): Promise<void> {
  for (const name of DATABASES) {
    await new Promise<void>((resolve, reject) => {
      const request = factory.deleteDatabase(name);
      request.addEventListener("success", () => resolve());
      request.addEventListener("error", () => reject(request.error ?? new Error(`${name} was not deleted`)));
    });
  }
}
