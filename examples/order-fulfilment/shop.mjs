/** The shop's own tables, beside the queue in one database, and the world around it: customers and their bank. */

/**
 * @typedef {{ id: number; customer: string; article: string; amount: number; card: 'good' | 'declined'; pays: 'at once' | 'when reminded' | 'never' }} Order
 * @typedef {import('millrace').TransactionClient} Transaction
 * @typedef {import('millrace').JobQueue<import('./jobs.mjs').Payloads>} Queue
 */

/** @type {readonly Order[]} */
export const ORDERS = [
  { id: 1001, customer: 'Ada', article: 'mill', amount: 2, card: 'good', pays: 'at once' },
  { id: 1002, customer: 'Ben', article: 'mill', amount: 1, card: 'good', pays: 'when reminded' },
  { id: 1003, customer: 'Cleo', article: 'sieve', amount: 1, card: 'good', pays: 'never' },
  { id: 1004, customer: 'Dan', article: 'sieve', amount: 3, card: 'declined', pays: 'at once' },
]

const TABLES = [
  'create table if not exists stock (article text primary key, amount int not null check (amount >= 0))',
  "insert into stock values ('mill', 5), ('sieve', 5) on conflict do nothing",
  'create table if not exists orders (id int primary key, status text not null)',
  'create table if not exists mails (id bigint generated always as identity, order_id int not null, subject text not null, token text)',
  'create table if not exists reports (tick timestamptz primary key)',
]

/** @param {Queue} queue */
export async function openShop(queue) {
  await queue.transaction(async (tx) => {
    for (const statement of TABLES) await tx.query(statement)
  })
}

/** @param {Transaction} tx @param {Order} order */
export async function reserve(tx, { id, article, amount }) {
  await tx.query('update stock set amount = amount - $2 where article = $1', [article, amount])
  await tx.query("insert into orders values ($1, 'reserved')", [id])
}

/** What `reserve` did, undone. @param {Transaction} tx @param {Order} order @param {string} reason */
export async function release(tx, { id, article, amount }, reason) {
  await tx.query('update stock set amount = amount + $2 where article = $1', [article, amount])
  await setStatus(tx, id, `cancelled: ${reason}`)
}

/** @param {Transaction} tx @param {number} id @param {string} status */
export async function setStatus(tx, id, status) {
  await tx.query('update orders set status = $2 where id = $1', [id, status])
}

/** @param {Transaction} tx @param {{ order: Order; subject: string; token?: string }} mail */
export async function mail(tx, { order, subject, token }) {
  await tx.query('insert into mails (order_id, subject, token) values ($1, $2, $3)', [order.id, subject, token ?? null])
}

/** The bank: a network away, so that a charge is known by a key of its own. @param {string} key @param {Order} order */
export async function charge(key, order) {
  if (order.card === 'declined') throw Object.assign(new Error('the card was declined'), { code: 'CARD_DECLINED' })
  return { key, charged: order.amount * 100 }
}

/** @param {Queue} queue */
async function mails(queue) {
  return queue.transaction(async (tx) => (await tx.query('select * from mails order by id')).rows)
}

/** Mails after the first `known`, as lines of text. @param {Queue} queue @param {number} known */
export async function mailsSince(queue, known) {
  return (await mails(queue)).slice(known).map((row) => {
    const order = ORDERS.find(({ id }) => id === row['order_id'])
    return `to ${order?.customer ?? 'nobody'}: ${String(row['subject'])}`
  })
}

/** Everybody who was asked to pay, and means to, does. @param {Queue} queue */
export async function customersPay(queue) {
  const sent = await mails(queue)
  for (const order of ORDERS) {
    const theirs = sent.filter((row) => row['order_id'] === order.id)
    const isReminded = theirs.some((row) => row['subject'] === 'reminder')
    const token = theirs.find((row) => row['token'] !== null)?.['token']
    const pays = order.pays === 'at once' || (order.pays === 'when reminded' && isReminded)
    // A second click on the link changes nothing.
    if (typeof token === 'string' && pays) await queue.completeToken(token, { card: order.card })
  }
}

/** What is stored, as lines of text, and whether every order has come to its end. @param {Queue} queue */
export async function summary(queue) {
  return queue.transaction(async (tx) => {
    const lines = await texts(tx, LINES)
    const [state] = await texts(tx, IS_OVER)
    return { isOver: state === 'over', lines }
  })
}

const LINES = `
  select 'order ' || o.id || ': ' || o.status || '; mails: ' || (
    select string_agg(m.subject || ' (' || m.times || ')', ', ' order by m.first)
    from (select subject, count(*) as times, min(id) as first from mails where order_id = o.id group by subject) m) as line
  from orders o
  union all
  select 'stock: ' || string_agg(amount || ' × ' || article, ', ' order by article) from stock
  order by line`

const IS_OVER = `
  select 'over' as line where exists (select from reports)
    and (select count(*) from orders where status ~ '^(shipped|cancelled)') = ${ORDERS.length}`

/** @param {Transaction} tx @param {string} query @returns {Promise<string[]>} */
async function texts(tx, query) {
  return (await tx.query(query)).rows.map(({ line }) => String(line))
}
