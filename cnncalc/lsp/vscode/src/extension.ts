/** The extension: starts the language server, shows totals in the status bar and the report. */

import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";
import { LanguageClient, LanguageClientOptions, ServerOptions } from "vscode-languageclient/node";
import { Command, commandOf } from "./command";
import { reportArguments } from "./report";
import { settingsOf } from "./settings";
import { Status, statusText } from "./status";

const SECTION = "cnncalc";
const STATUS = "cnncalc/status";
const LAYER_AT = "cnncalc/layerAt";

let client: LanguageClient | undefined;
let bar: vscode.StatusBarItem | undefined;
let panel: vscode.WebviewPanel | undefined;
let shown: vscode.Uri | undefined;
const statuses = new Map<string, Status>();

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  bar = vscode.window.createStatusBarItem(vscode.StatusBarAlignment.Right, 90);
  bar.command = "cnncalc.chooseVariant";
  context.subscriptions.push(
    bar,
    vscode.commands.registerCommand("cnncalc.restart", restart),
    vscode.commands.registerCommand("cnncalc.showReport", showReport),
    vscode.commands.registerCommand("cnncalc.chooseVariant", chooseVariant),
    vscode.window.onDidChangeActiveTextEditor(showStatus),
    vscode.window.onDidChangeTextEditorSelection(followCursor),
    vscode.workspace.onDidSaveTextDocument(updateReport),
    vscode.workspace.onDidChangeConfiguration(takeSettings),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
  client = undefined;
}

function command(): Command {
  const folders = (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath);
  const setting = vscode.workspace.getConfiguration(SECTION).get<string[]>("command", []);
  return commandOf(setting, folders, fs.existsSync);
}

async function start(): Promise<void> {
  const { program, arguments: before } = command();
  const server: ServerOptions = { command: program, args: [...before, "lsp"] };
  const options: LanguageClientOptions = {
    documentSelector: [{ language: "yaml" }, { pattern: "**/*.cnn.{yaml,yml}" }],
    initializationOptions: settingsOf(vscode.workspace.getConfiguration(SECTION)),
    middleware: {
      executeCommand: async (name, values, next) => {
        const answer: unknown = await next(name, values);
        if (name === "cnncalc.compareWithSaved" && typeof answer === "string" && answer) {
          await showMarkdown(answer);
        }
        return answer;
      },
    },
  };
  client = new LanguageClient(SECTION, "cnncalc", server, options);
  client.onNotification(STATUS, takeStatus);
  try {
    await client.start();
  } catch (error) {
    const words = `cnncalc cannot be started (${String(error)}): install it with the extra lsp`;
    void vscode.window.showErrorMessage(words);
    return;
  }
  execFile(program, [...before, "report", "--help"], (error) => {
    void vscode.commands.executeCommand("setContext", "cnncalc.hasReport", error === null);
  });
}

async function restart(): Promise<void> {
  await client?.stop();
  statuses.clear();
  await start();
}

async function takeSettings(change: vscode.ConfigurationChangeEvent): Promise<void> {
  if (!change.affectsConfiguration(SECTION)) {
    return;
  }
  const settings = { [SECTION]: settingsOf(vscode.workspace.getConfiguration(SECTION)) };
  await client?.sendNotification("workspace/didChangeConfiguration", { settings });
  showStatus();
}

async function takeStatus(status: Status): Promise<void> {
  const before = statuses.get(status.uri);
  statuses.set(status.uri, status);
  showStatus();
  const isReported = panel !== undefined && status.uri === shown?.toString();
  if (isReported && before?.variant !== status.variant) {
    await writeReport();
  }
}

function current(): Status | undefined {
  const document = vscode.window.activeTextEditor?.document;
  return document && statuses.get(document.uri.toString());
}

function showStatus(): void {
  const status = current();
  const isWanted = vscode.workspace.getConfiguration(SECTION).get("statusBar", true);
  const text = isWanted ? statusText(status) : undefined;
  void vscode.commands.executeCommand("setContext", "cnncalc.isSpec", status?.isSpec ?? false);
  if (bar === undefined) {
    return;
  }
  if (text === undefined) {
    bar.hide();
    return;
  }
  bar.text = text;
  bar.tooltip = "The network that is shown; click to choose another variant";
  bar.show();
}

async function chooseVariant(): Promise<void> {
  const status = current();
  if (status === undefined || status.variants.length === 0) {
    return;
  }
  const chosen = await vscode.window.showQuickPick([...status.variants], {
    title: "The variant whose figures are shown",
  });
  if (chosen !== undefined) {
    await client?.sendRequest("workspace/executeCommand", {
      command: "cnncalc.showVariant",
      arguments: [status.uri, chosen],
    });
  }
}

async function showMarkdown(text: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ language: "markdown", content: text });
  await vscode.commands.executeCommand("markdown.showPreviewToSide", document.uri);
}

async function showReport(): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    return;
  }
  shown = editor.document.uri;
  if (panel === undefined) {
    const where = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    panel = vscode.window.createWebviewPanel("cnncalc.report", "cnncalc", where, {
      enableScripts: true,
      retainContextWhenHidden: true,
    });
    panel.onDidDispose(() => {
      panel = undefined;
    });
  }
  await writeReport();
  await followCursor({ textEditor: editor });
}

async function updateReport(document: vscode.TextDocument): Promise<void> {
  if (panel !== undefined && document.uri.toString() === shown?.toString()) {
    await writeReport();
  }
}

/** Write the report of the saved file into the panel. */
async function writeReport(): Promise<void> {
  if (panel === undefined || shown === undefined) {
    return;
  }
  const { program, arguments: before } = command();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "cnncalc-"));
  const output = path.join(folder, "report.html");
  const variant = statuses.get(shown.toString())?.variant ?? null;
  const words = [...before, ...reportArguments(shown.fsPath, variant, output)];
  await new Promise<void>((done) => {
    execFile(program, words, (error, _output, told) => {
      if (error === null && panel !== undefined) {
        panel.webview.html = fs.readFileSync(output, "utf8");
      } else {
        void vscode.window.showWarningMessage(told.split("\n")[0] || String(error));
      }
      fs.rmSync(folder, { recursive: true, force: true });
      done();
    });
  });
}

/** Let the report select the layer at the cursor. */
async function followCursor({ textEditor }: { textEditor: vscode.TextEditor }): Promise<void> {
  const uri = textEditor.document.uri.toString();
  if (panel === undefined || client === undefined || uri !== shown?.toString()) {
    return;
  }
  const { line, character } = textEditor.selection.active;
  const position = { line, character };
  const select = await client.sendRequest<string | null>(LAYER_AT, { uri, position });
  if (select !== null) {
    await panel?.webview.postMessage({ select });
  }
}
