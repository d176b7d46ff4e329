/** The parts of the extension that do not need an editor. */

import assert from "node:assert/strict";
import * as path from "node:path";
import { test } from "node:test";
import { commandOf } from "../src/command";
import { reportArguments } from "../src/report";
import { settingsOf } from "../src/settings";
import { short, statusText, Status } from "../src/status";

const STATUS: Status = {
  uri: "file:///net.cnn.yaml",
  version: 1,
  isChecked: true,
  isSpec: true,
  name: "ResNet-50",
  variant: null,
  variants: [],
  totals: { params: 25557032, macs: 4089184256 },
  errors: 0,
};

test("the command is the user's, that of a virtual environment, or the one on the path", () => {
  const own = path.join("/b", ".venv", "bin", "cnncalc");
  const found = commandOf([], ["/a", "/b"], (file) => file === own, "linux");
  assert.deepEqual(found, { program: own, arguments: [] });
  const windows = commandOf([], ["C:"], (file) => file.endsWith("cnncalc.exe"), "win32");
  assert.match(windows.program, /Scripts.cnncalc\.exe$/);
  assert.equal(commandOf([], ["/a"], () => false).program, "cnncalc");
  const set = commandOf(["uvx", "cnncalc"], ["/b"], () => true);
  assert.deepEqual(set, { program: "uvx", arguments: ["cnncalc"] });
});

test("the status bar has the totals, or the errors", () => {
  assert.equal(statusText(STATUS), "ResNet-50: 25.56 M params · 4.089 G MACs");
  assert.equal(statusText({ ...STATUS, totals: null, errors: 1 }), "$(error) ResNet-50: 1 error");
  assert.equal(statusText({ ...STATUS, variant: "wide" })?.split(":")[0], "wide");
  assert.equal(statusText({ ...STATUS, isSpec: false }), undefined);
  assert.equal(statusText(undefined), undefined);
});

test("counts are short", () => {
  const texts = [9999, 10000, 102760448, 15470264320].map(short);
  assert.deepEqual(texts, ["9,999", "10.00 K", "102.8 M", "15.47 G"]);
});

test("settings are sent as the server takes them", () => {
  const set = new Map<string, unknown>([["hints.macs", true], ["checkAfter", 500]]);
  const get = <T>(key: string, otherwise: T): T => (set.has(key) ? (set.get(key) as T) : otherwise);
  assert.deepEqual(settingsOf({ get }), {
    hints: { enabled: true, shape: true, params: true, macs: true, field: true, repeats: true },
    codeLens: { enabled: true },
    checkAfter: 500,
  });
});

test("the report is that of the variant that is shown", () => {
  assert.deepEqual(reportArguments("a.yaml", "wide", "o"), ["report", "a.yaml#wide", "-o", "o"]);
  assert.deepEqual(reportArguments("a.yaml", null, "o"), ["report", "a.yaml", "-o", "o"]);
});
