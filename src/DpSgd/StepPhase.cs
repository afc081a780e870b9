namespace DpSgd;

/// <summary>The parts of a private step, for those who measure it.</summary>
internal enum StepPhase
{
    /// <summary>Per-example gradients and their norms.</summary>
    Norms,

    /// <summary>Clip factors and the weighted sum.</summary>
    Sums,

    /// <summary>Noise and scaling.</summary>
    Noise,

    /// <summary>The ledger and the inner optimizer.</summary>
    Update,
}
