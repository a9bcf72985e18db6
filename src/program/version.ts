// The version of this program, as package.json has it.
import facts from "../../package.json" with { type: "json" };

export const VERSION: string = facts.version;
