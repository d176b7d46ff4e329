/** Sends the settings of the user to the server. */

export interface Section {
  get<T>(key: string, otherwise: T): T;
}

const HINTS = ["enabled", "shape", "params", "macs", "field", "repeats"] as const;

/** Return the settings as the server takes them. */
export function settingsOf(section: Section): Record<string, unknown> {
  const hints: Record<string, boolean> = {};
  for (const name of HINTS) {
    hints[name] = section.get(`hints.${name}`, name !== "macs");
  }
  return {
    hints,
    codeLens: { enabled: section.get("codeLens.enabled", true) },
    checkAfter: section.get("checkAfter", 150),
  };
}
