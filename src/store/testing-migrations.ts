// For migrate.test.ts: steps that take long enough for processes started together to meet in them.

import type { Migration } from "./migrate.ts";

export const SLOW_MIGRATIONS: Migration[] = ["one", "two", "three"].map((name) => ({
  name,
  statements: () => [
    `create table ${name} (value integer) strict`,
    `insert into ${name} with recursive n(value) as (select 1 union all select value + 1 from n where value < 30000)
      select value from n`,
  ],
}));
