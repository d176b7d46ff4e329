/** The extension itself, with a stand-in for the editor and a client that records what it is told. */

import assert from "node:assert/strict";
import Module from "node:module";
import { test } from "node:test";

type Handler = (...values: unknown[]) => unknown;

const commands = new Map<string, Handler>();
const contexts = new Map<string, unknown>();
const sent: [string, unknown][] = [];
const notified = new Map<string, Handler>();
const bar = { text: "", tooltip: "", command: "", isShown: false, show, hide };
let started = 0;
let server: { command: string; args: string[] } | undefined;
let options: Record<string, unknown> | undefined;

function show(): void {
  bar.isShown = true;
}

function hide(): void {
  bar.isShown = false;
}

const nothing = { dispose: () => undefined };
const uri = { toString: () => "file:///net.cnn.yaml", fsPath: "/net.cnn.yaml" };
const editor = {
  StatusBarAlignment: { Right: 2 },
  ViewColumn: { Beside: -2 },
  window: {
    createStatusBarItem: () => bar,
    onDidChangeActiveTextEditor: () => nothing,
    onDidChangeTextEditorSelection: () => nothing,
    activeTextEditor: { document: { uri } },
    showQuickPick: async (items: string[]) => items[1],
    showErrorMessage: async () => undefined,
  },
  workspace: {
    workspaceFolders: [],
    getConfiguration: () => ({
      get: (key: string, otherwise: unknown) => (key === "command" ? ["no-such-program"] : otherwise),
    }),
    onDidSaveTextDocument: () => nothing,
    onDidChangeConfiguration: () => nothing,
  },
  commands: {
    registerCommand: (name: string, handler: Handler) => {
      commands.set(name, handler);
      return nothing;
    },
    executeCommand: async (name: string, key: string, value: unknown) => {
      assert.equal(name, "setContext");
      contexts.set(key, value);
    },
  },
};

class LanguageClient {
  constructor(_id: string, _name: string, how: typeof server, given: typeof options) {
    server = how;
    options = given;
  }
  onNotification(name: string, handler: Handler): void {
    notified.set(name, handler);
  }
  async start(): Promise<void> {
    started += 1;
  }
  async stop(): Promise<void> {
    started -= 1;
  }
  async sendRequest(name: string, value: unknown): Promise<void> {
    sent.push([name, value]);
  }
}

const loader = Module as unknown as { _load: (name: string, ...rest: unknown[]) => unknown };
const load = loader._load;
loader._load = (name, ...rest) => {
  if (name === "vscode") {
    return editor;
  }
  return name === "vscode-languageclient/node" ? { LanguageClient } : load(name, ...rest);
};

test("the extension starts the server, shows its totals and chooses variants", async () => {
  const extension = await import("../src/extension");
  await extension.activate({ subscriptions: [] } as never);
  assert.equal(started, 1);
  assert.deepEqual(server, { command: "no-such-program", args: ["lsp"] });
  const selector = JSON.stringify(options?.documentSelector);
  assert.ok(selector.includes("yaml") && options?.initializationOptions !== undefined);
  notified.get("cnncalc/status")?.({
    uri: "file:///net.cnn.yaml",
    isSpec: true,
    name: "Net",
    variant: null,
    variants: ["small", "wide"],
    totals: { params: 1000, macs: 2000 },
    errors: 0,
  });
  assert.equal(bar.text, "Net: 1,000 params · 2,000 MACs");
  assert.ok(bar.isShown);
  assert.equal(contexts.get("cnncalc.isSpec"), true);
  await commands.get("cnncalc.chooseVariant")?.();
  assert.deepEqual(sent.pop(), [
    "workspace/executeCommand",
    { command: "cnncalc.showVariant", arguments: ["file:///net.cnn.yaml", "wide"] },
  ]);
  await commands.get("cnncalc.restart")?.();
  assert.equal(started, 1);
  await extension.deactivate();
  assert.equal(started, 0);
});

test("without `cnncalc report`, its command is hidden", async () => {
  for (let n = 0; n < 100 && !contexts.has("cnncalc.hasReport"); n += 1) {
    await new Promise((done) => setTimeout(done, 20));
  }
  assert.equal(contexts.get("cnncalc.hasReport"), false);
});
