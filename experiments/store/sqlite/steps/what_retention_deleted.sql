-- phases whose raw events were deleted, as `retention` says, when received before `before`
CREATE TABLE "expired" (
   "experiment" TEXT,
   "phase" INTEGER,
   "before" INTEGER NOT NULL,
   "expired_on" TEXT NOT NULL,
   PRIMARY KEY ("experiment", "phase")
) STRICT;
