/** Finds the command that starts cnncalc. */

import * as path from "node:path";

export interface Command {
  readonly program: string;
  readonly arguments: readonly string[];
}

/**
 * Return the command that starts cnncalc: the one that the user set, that of the first folder with a
 * virtual environment, or the one on the path.
 */
export function commandOf(
  setting: readonly string[],
  folders: readonly string[],
  exists: (file: string) => boolean,
  platform: string = process.platform,
): Command {
  if (setting.length > 0) {
    return { program: setting[0], arguments: setting.slice(1) };
  }
  const own = platform === "win32" ? ["Scripts", "cnncalc.exe"] : ["bin", "cnncalc"];
  for (const folder of folders) {
    const program = path.join(folder, ".venv", ...own);
    if (exists(program)) {
      return { program, arguments: [] };
    }
  }
  return { program: "cnncalc", arguments: [] };
}
