/** Orders that are looked at by themselves, once their event has ended. */
export const orderWakes = `
CREATE INDEX certificate_order_wakes ON certificate_order (wake) WHERE wake IS NOT NULL;
`
