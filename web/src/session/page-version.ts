/** Of the page, as the hub lists it. */
export const PAGE_VERSION = "0.1.0";
