// How the local API is told of a device, a share or anything else that has a name and an id.
import { z } from "zod";

/** A name, an id, or the beginning of an id. */
export const reference = z.string().min(1).max(200);
