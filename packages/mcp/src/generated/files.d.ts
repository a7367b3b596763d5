/** What `tools/build-files.mjs` makes of the documentation, next to the compiled code: `dist/generated/files.js`. */
export interface DocPage {
  /** Such as `guides/steps`. */
  readonly slug: string
  readonly section: string
  readonly title: string
  readonly headings: readonly string[]
  readonly markdown: string
}

/** A folder of files for coding assistants that look things up when a task needs it. */
export interface Skill {
  readonly name: string
  /** By path within the folder; `SKILL.md` is the one to begin with. */
  readonly files: Readonly<Record<string, string>>
}

export declare const pages: readonly DocPage[]
/** The list of all pages. */
export declare const llmsTxt: string
/** All pages in one text. */
export declare const llmsFullTxt: string
/** What whoever writes code with Millrace should keep to; Markdown without a title. */
export declare const rules: string
/** What an assistant looks up when a task needs it. */
export declare const skills: readonly Skill[]
