/** Makes the page of `cnncalc report` select the layer at the cursor. */

const LISTENER = `<script>
window.addEventListener("message", (event) => {
  if (event.data && typeof event.data.select === "string") {
    location.hash = "#" + encodeURIComponent(event.data.select);
  }
});
</script>`;

/** Return a page that selects the layer which a message names. */
export function following(page: string): string {
  const end = page.lastIndexOf("</body>");
  return end < 0 ? page + LISTENER : page.slice(0, end) + LISTENER + page.slice(end);
}

/** Return the arguments that write the report of a spec, or of a variant of it, to a file. */
export function reportArguments(file: string, variant: string | null, output: string): string[] {
  return ["report", variant === null ? file : `${file}#${variant}`, "-o", output];
}
