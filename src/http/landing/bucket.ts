/** The same for all: whose files are in it follows from the key. */
export const bucketName = 'dlz-destination'
/** Any other is taken as well. */
export const region = 'us-east-1'
