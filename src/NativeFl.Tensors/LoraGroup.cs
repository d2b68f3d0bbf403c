namespace NativeFl.Tensors;

/// <summary>
/// Token rows that go through one run of ranks of an adapter stack. In training a group is one client: its rows see only its own
/// segment. In un-merged evaluation several groups may cover the same rows with different ranks; they are applied in order.
/// Zero ranks or zero rows are skipped, never multiplied.
/// </summary>
/// <param name="RowStart">The first token row.</param>
/// <param name="RowCount">Token rows.</param>
/// <param name="RankStart">The first rank row in A and B.</param>
/// <param name="RankCount">Rank rows.</param>
/// <param name="Column">The first column of S that holds this group's A x; groups over the same rows use disjoint columns.</param>
/// <param name="Scaling">What the group's product is multiplied with: s_k = α_k / r_k, or p_k s_k when aggregating.</param>
public readonly record struct LoraGroup(int RowStart, int RowCount, int RankStart, int RankCount, int Column, float Scaling);
