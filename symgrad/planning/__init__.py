"""Programs in the forms and the order that code computes, and the plans for all second derivatives, by what they cost."""
