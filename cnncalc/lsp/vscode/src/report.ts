/** Names the arguments of `cnncalc report`. */

/** Return the arguments that write the report of a spec, or of a variant of it, to a file. */
export function reportArguments(file: string, variant: string | null, output: string): string[] {
  return ["report", variant === null ? file : `${file}#${variant}`, "-o", output];
}
