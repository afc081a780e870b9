namespace DpSgd.Accounting;

/// <summary>
/// A mechanism that is (<see cref="Xi"/>, <see cref="Rho"/>)-zero-concentrated differentially private (Bun, Steinke, "Concentrated
/// Differential Privacy", arXiv:1605.02065) under the neighbouring relation of the accountant: its Rényi divergence at every
/// order is at most <c>xi + rho * order</c>.
/// </summary>
/// <param name="Rho">Rho, in [0, infinity].</param>
/// <param name="Xi">Xi, in [0, infinity].</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="Rho"/> is NaN or negative, or <paramref name="Xi"/> is NaN or negative.</exception>
public sealed record ZCDpEvent(double Rho, double Xi = 0) : DpEvent
{
    /// <summary>Rho, in [0, infinity].</summary>
    public double Rho
    {
        get;
        init => field = Guard.NonNegative(value, nameof(Rho));
    } = Guard.NonNegative(Rho);

    /// <summary>Xi, in [0, infinity].</summary>
    public double Xi
    {
        get;
        init => field = Guard.NonNegative(value, nameof(Xi));
    } = Guard.NonNegative(Xi);
}
