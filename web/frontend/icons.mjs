// Icons that are chosen by data (a menu entry, an entity, an action, a file kind) and so cannot be found by reading the pages.
// Any name of the Tabler icon set may be added; a definition can only use what is listed here.

export const icons = [
  "bold", "bolt", "clear-formatting", "heading", "italic", "link", "list", "list-numbers",
  "address-book", "alert-triangle", "archive", "arrow-back-up", "arrow-merge", "arrow-right", "ban", "bell", "box", "building", "building-factory-2", "building-store", "calendar", "chart-bar", "check",
  "checklist", "checks", "circle-check", "clipboard-list", "clipboard-text", "clock", "coin", "copy", "contract", "corner-up-left", "credit-card", "database", "discount", "download", "edit", "eye", "file", "file-alert",
  "file-certificate", "file-dollar", "file-invoice", "file-plus", "file-spreadsheet", "file-text", "file-type-pdf", "flag", "folder",
  "home", "id", "map-pin", "message", "message-exclamation", "package", "paperclip", "pencil", "phone", "photo", "plus", "point", "printer", "receipt", "refresh", "report-money",
  "search-off", "send", "settings", "shopping-cart", "signature", "sitemap", "stack-2", "star", "tag", "target", "tool", "trash", "truck", "trophy", "upload", "user", "user-check",
  "packages", "arrows-exchange", "coins", "receipt-refund", "id-badge", "shopping-bag", "package-import", "arrows-transfer-up",
  "bell-ringing", "calendar-event", "report-analytics", "clipboard-check", "speakerphone", "calendar-time", "mood-sad",
  "file-diff", "tools", "stairs-up", "target-arrow",
  "users", "users-group", "x", "zip",
  "arrow-down", "arrow-up", "arrows-left-right", "chart-funnel", "chart-grid-dots", "chart-histogram", "chart-line", "chart-radar", "layout-dashboard", "layout-grid", "minus", "table", "table-options",
];
