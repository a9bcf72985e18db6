// What somebody is told who may not open a service, or whose service there is none: one answer, from hub and device.

export const SERVICE_STRANGER = {
  code: "not_found",
  title: "Nothing here for you",
  message: "There is no such service, or it is not yours to open.",
  hint: "Its owner opens it from the hub's page, or asks for a ticket: muster forward --ticket DEVICE/SERVICE.",
} as const;
