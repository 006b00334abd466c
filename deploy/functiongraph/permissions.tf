locals {
  reading = [
    "dms:instance:list",
    "dms:instance:get",
    "dms:instance:getBackgroundTask",
  ]

  # The code publishes only where it is to notify people.
  code_policies = concat(
    [huaweicloud_identity_role.restarting.name],
    huaweicloud_identity_role.deleting[*].name,
    length(var.notify_on) == 0 ? [] : [huaweicloud_identity_role.publishing.name],
  )

  # FunctionGraph publishes what failed for good, and fetches the image where there is one. The
  # vendor knows no smaller permission for images.
  platform_policies = concat(
    [huaweicloud_identity_role.publishing.name],
    local.zip ? [] : [var.image_role],
  )
}

resource "huaweicloud_identity_role" "restarting" {
  name        = "${var.name}-restarting"
  description = "Read Kafka instances and their background tasks, and restart them."
  type        = "XA"
  policy = jsonencode({
    Version   = "1.1"
    Statement = [{ Effect = "Allow", Action = concat(local.reading, ["dms:instance:modifyStatus"]) }]
  })
}

resource "huaweicloud_identity_role" "deleting" {
  count = var.allow_deleting ? 1 : 0

  name        = "${var.name}-deleting"
  description = "Delete Kafka instances."
  type        = "XA"
  policy = jsonencode({
    Version   = "1.1"
    Statement = [{ Effect = "Allow", Action = ["dms:instance:delete"] }]
  })
}

resource "huaweicloud_identity_role" "publishing" {
  name        = "${var.name}-publishing"
  description = "Publish to people what failed for good, or what was done."
  type        = "XA"
  policy = jsonencode({
    Version   = "1.1"
    Statement = [{ Effect = "Allow", Action = ["smn:topic:publish"] }]
  })
}

resource "huaweicloud_identity_agency" "execution" {
  name                  = "${var.name}-execution"
  description           = "What the code of the Kafka remediator may do."
  delegated_domain_name = "op_svc_cff"

  project_role {
    project = coalesce(var.project_name, var.region)
    roles   = local.code_policies
  }
}

resource "huaweicloud_identity_agency" "configuration" {
  name                  = "${var.name}-configuration"
  description           = "What FunctionGraph may do for the Kafka remediator."
  delegated_domain_name = "op_svc_cff"

  project_role {
    project = coalesce(var.project_name, var.region)
    roles   = local.platform_policies
  }
}
