/**
 * Whether a person wants to approve the plan of an event whatever its profile says. Before, that stood in the event's
 * copy of the profile, where another try could not tell it from the profile's own word.
 */
export const eventApproval = `
ALTER TABLE event ADD COLUMN approval TEXT NOT NULL DEFAULT 'profile';
`
