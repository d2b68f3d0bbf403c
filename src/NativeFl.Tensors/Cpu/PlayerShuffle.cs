namespace NativeFl.Tensors.Cpu;

/// <summary>The orders of a <see cref="PlayerOrders"/>.</summary>
internal static unsafe class PlayerShuffle
{
    /// <summary>
    /// order = what <c>new Philox(seed, block).Shuffle</c> makes of 0 .. players − 1, with all random words drawn beforehand. A word that the shuffle
    /// would throw away, one in 2³² / players, moves all that follow: then it is done over, word by word.
    /// </summary>
    /// <param name="seed">Of all blocks.</param>
    /// <param name="block">The stream.</param>
    /// <param name="players">How many.</param>
    /// <param name="words">Scratch of players + <see cref="PhiloxRow.Words"/>.</param>
    /// <param name="order">(players).</param>
    public static void Fill(ulong seed, ulong block, int players, uint* words, int* order)
    {
        var stream = new PhiloxRow(seed, block, 0);
        for (int c = 0; c < players - 1; c += PhiloxRow.Words) stream.Fill(c, words + c);
        for (int i = 0; i < players; i++) order[i] = i;
        for (int i = players - 1; i > 0; i--)
        {
            uint bound = (uint)i + 1;
            ulong product = (ulong)words[players - 1 - i] * bound;
            if ((uint)product < bound && (uint)product < (0u - bound) % bound)
            {
                FillOneByOne(seed, block, players, order);
                return;
            }

            int j = (int)(product >> 32);
            (order[i], order[j]) = (order[j], order[i]);
        }
    }

    /// <summary>turned = order number <paramref name="o"/> of the block that <paramref name="order"/> begins.</summary>
    public static void Turn(int* order, int players, PlayerOrders orders, int o, int* turned)
    {
        int by = (int)((long)(o % orders.Turns) * players / orders.Turns);
        var source = new ReadOnlySpan<int>(order, players);
        var target = new Span<int>(turned, players);
        source[by..].CopyTo(target);
        source[..by].CopyTo(target[(players - by)..]);
        if (o >= orders.Turns) target.Reverse();
    }

    private static void FillOneByOne(ulong seed, ulong block, int players, int* order)
    {
        for (int i = 0; i < players; i++) order[i] = i;
        new Philox(seed, block).Shuffle(new Span<int>(order, players));
    }
}
