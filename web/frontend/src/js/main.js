// Starts every behaviour once for the page and again for each fragment that htmx brings in.

import htmx from "htmx.org";

import { startAgain } from "./again.js";
import { startBoard } from "./board.js";
import { startBatch } from "./batch.js";
import { startCharts } from "./charts.js";
import { startConditions } from "./conditions.js";
import { startCopied } from "./copied.js";
import { startConfirm } from "./confirm.js";
import { startDialogs } from "./dialogs.js";
import { startDrafts } from "./drafts.js";
import { startDrop } from "./drop.js";
import { startFilters } from "./filters.js";
import { startFormGuard } from "./form_guard.js";
import { startKeptForms } from "./kept_forms.js";
import { startInView } from "./in_view.js";
import { startInline } from "./inline.js";
import { startKeyboard } from "./keyboard.js";
import { startLines } from "./lines.js";
import { startLive } from "./live.js";
import { previewMany, startMany } from "./many.js";
import { startMentions } from "./mentions.js";
import { startMenus } from "./menus.js";
import { startPickers } from "./picker.js";
import { startPicked } from "./picked.js";
import { startPlainInputs } from "./plain_inputs.js";
import { startPreview } from "./preview.js";
import { startQuickCreate } from "./quick_create.js";
import { startRichText } from "./rich_text.js";
import { startSignatures } from "./signature.js";
import { startTimes } from "./times.js";
import { startToasts } from "./toasts.js";
import { startTours } from "./tours.js";
import { startUploads } from "./uploads.js";

Object.assign(htmx.config, {
  allowEval: false, includeIndicatorStyles: false, historyCacheSize: 0, selfRequestsOnly: true, refreshOnHistoryMiss: true,
  responseHandling: [{ code: "204", swap: false }, { code: "[23]..", swap: true }, { code: "422", swap: true }, { code: "...", swap: false, error: true }],
});

startMenus();
startBoard();
startBatch();
startCharts();
startInline();
startInView();
startKeyboard();
startToasts();
startTours();
startDialogs();
startConfirm();
startFormGuard();
startKeptForms();
startDrafts();
startFilters();
startLines();
startPreview();
startConditions();
startTimes();
startLive();
startAgain();
startMentions();
startQuickCreate();
startMany();
htmx.onLoad((root) => {
  startPickers(root);
  startPicked(root);
  startUploads(root);
  startDrop(root);
  startSignatures(root);
  startRichText(root);
  startPlainInputs(root);
  previewMany(root);
  startCopied(root);
});
