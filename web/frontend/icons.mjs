// Icons that are chosen by data (a menu entry, an entity, a file kind) and so cannot be found by reading the pages.
// Any name of the Tabler icon set may be added; a definition can only use what is listed here.

export const icons = [
  "address-book", "archive", "box", "building", "building-factory-2", "building-store", "calendar", "chart-bar",
  "checklist", "clipboard-list", "clipboard-text", "coin", "contract", "credit-card", "database", "discount", "file",
  "file-certificate", "file-dollar", "file-invoice", "file-spreadsheet", "file-text", "file-type-pdf", "flag", "folder",
  "home", "id", "map-pin", "message", "message-exclamation", "package", "phone", "photo", "receipt", "report-money",
  "settings", "shopping-cart", "signature", "stack-2", "star", "tag", "target", "tool", "truck", "trophy", "user",
  "users", "users-group", "zip",
];
