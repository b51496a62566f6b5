/** The key that a device has been told to make for an order, JSON; kept until it is known that it is no orphan. */
export const deviceKeys = `
ALTER TABLE certificate_order ADD COLUMN device_key TEXT;
`
