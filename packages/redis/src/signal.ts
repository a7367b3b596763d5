import type { SignalStore } from 'millrace/store'
import { stepsNotYet } from './steps.ts'

const refuse = (): Promise<never> => Promise.reject(stepsNotYet())

export function signalVerbs(): SignalStore {
  return {
    createToken: refuse,
    createJobToken: refuse,
    completeToken: refuse,
    getToken: refuse,
    // The supervisor asks every time; there are none.
    expireTokens: () => Promise.resolve(0),
    signalJob: refuse,
    sendEvent: refuse,
  }
}
