{{ live(
    ref('rpt_category_spending'), 'spending', ['organization_id', 'account_id', 'month'], category_spending('touched')
) }}
