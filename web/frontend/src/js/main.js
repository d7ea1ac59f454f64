// Starts every behaviour once for the page and again for each fragment that htmx brings in.

import htmx from "htmx.org";

import { startConfirm } from "./confirm.js";
import { startDialogs } from "./dialogs.js";
import { startFormGuard } from "./form_guard.js";
import { startKeptForms } from "./kept_forms.js";
import { startKeyboard } from "./keyboard.js";
import { startLines } from "./lines.js";
import { startMenus } from "./menus.js";
import { startPickers } from "./picker.js";
import { startPreview } from "./preview.js";
import { startTimes } from "./times.js";
import { startToasts } from "./toasts.js";
import { startUploads } from "./uploads.js";

Object.assign(htmx.config, {
  allowEval: false, includeIndicatorStyles: false, historyCacheSize: 0, selfRequestsOnly: true, refreshOnHistoryMiss: true,
  responseHandling: [{ code: "204", swap: false }, { code: "[23]..", swap: true }, { code: "422", swap: true }, { code: "...", swap: false, error: true }],
});

startMenus();
startKeyboard();
startToasts();
startDialogs();
startConfirm();
startFormGuard();
startKeptForms();
startLines();
startPreview();
startTimes();
htmx.onLoad((root) => {
  startPickers(root);
  startUploads(root);
});
