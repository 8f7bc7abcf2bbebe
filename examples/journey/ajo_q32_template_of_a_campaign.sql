-- The templates of a version of a campaign.
-- $campaign_version = cb000000-0000-4000-8000-000000000001: campaignVersionID
SELECT DISTINCT
  _experience.customerJourneyManagement.entities.channelDetails.messageID AS message,
  _experience.customerJourneyManagement.entities.channelDetails.template AS template
FROM ajo_entity_dataset
WHERE _experience.customerJourneyManagement.entities.campaign.campaignVersionID = '$campaign_version'
ORDER BY 1
