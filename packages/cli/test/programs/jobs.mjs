import { anyPayload, defineJobs } from 'millrace'

export const jobs = defineJobs({
  greet: { payload: anyPayload(), handler: async ({ name }) => `hello ${name}` },
  // Ends when the worker drains; it does not listen to its signal, so a drain must wait for it.
  slow: {
    payload: anyPayload(),
    handler: ({ ms }) =>
      new Promise((resolve) => {
        setTimeout(resolve, ms, 'finished')
      }),
  },
})
