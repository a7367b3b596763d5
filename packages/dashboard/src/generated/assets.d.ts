/** What `tools/build-dashboard.mjs` makes of `ui/`, next to the compiled code: `dist/generated/assets.js`. */
export interface Asset {
  readonly type: string
  readonly body: string
}

/** By file name, which contains a hash of the content. */
export declare const assets: Readonly<Record<string, Asset>>
export declare const entry: { readonly script: string; readonly style: string }
