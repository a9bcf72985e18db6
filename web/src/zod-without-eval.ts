// The page's content policy forbids making code from text, which the schema library would otherwise try once.
// Imported before any schema is made.
import { z } from "zod";

z.config({ jitless: true });
