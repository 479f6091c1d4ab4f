-- A device's token names its device.

ALTER TABLE token ADD COLUMN device_id text NOT NULL DEFAULT '';  -- empty: not a device's
